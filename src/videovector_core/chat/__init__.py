"""Agentic chat: questions in plain words, answers whose every claim points at a moment that can be played."""
