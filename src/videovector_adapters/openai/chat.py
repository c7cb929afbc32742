"""Chat with tools, from chat completions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from attrs import frozen
from openai.types.chat import ChatCompletion

from videovector_adapters.openai.endpoint import Endpoint, translated, usage
from videovector_core.errors import ProcessingFailed
from videovector_core.models.ports import ChatMessage, ChatReply, ChatRequest, ToolSpec, ToolUse

MAX_TOKENS: Final = 4_000
"""Of one message; an answer that is longer is cut."""


@frozen
class OpenAIChat:
    """`ChatModel` over one endpoint."""

    endpoint: Endpoint

    @property
    def model(self) -> str:
        return self.endpoint.model

    async def reply(self, request: ChatRequest) -> ChatReply:
        told: Any = [_message(one) for one in request.messages]
        tools: Any = {"tools": _tools(request.tools)} if request.tools else {}
        with translated(self.model):
            answer: ChatCompletion = await self.endpoint.client.chat.completions.create(
                model=self.endpoint.name, messages=told, max_completion_tokens=MAX_TOKENS, **tools
            )
        return self._read(answer)

    def _read(self, answer: ChatCompletion) -> ChatReply:
        if not answer.choices:
            raise ProcessingFailed(f"{self.model} answered with nothing.", code="model_error", transient=True)
        message = answer.choices[0].message
        if message.refusal or answer.choices[0].finish_reason == "content_filter":
            return ChatReply("The model declined to answer this.", usage=usage(answer))
        uses = tuple(
            ToolUse(call.id or "", call.function.name or "", call.function.arguments or "")
            for call in message.tool_calls or ()
            if call.type == "function"
        )
        return ChatReply(message.content or "", uses, usage(answer))


def _message(one: ChatMessage) -> dict[str, Any]:
    if one.role == "tool":
        return {"role": "tool", "tool_call_id": one.answers, "content": one.text}
    if not one.uses:
        return {"role": one.role, "content": one.text}
    calls = [
        {"id": use.id, "type": "function", "function": {"name": use.name, "arguments": use.arguments}}
        for use in one.uses
    ]
    return {"role": one.role, "content": one.text, "tool_calls": calls}


def _tools(specs: Sequence[ToolSpec]) -> list[dict[str, Any]]:
    return [
        {
            "type": "function",
            "function": {"name": spec.name, "description": spec.about, "parameters": dict(spec.parameters)},
        }
        for spec in specs
    ]
