"""A labelled set that follows from this file alone: films whose segments speak, and questions with their right answers.

Forty scenes are told six times each, every time of another machine, place and quantity, in mixed order over films of
twelve segments. Machines have near twins (digits swapped), so that only who reads them literally tells them apart. The
questions come in groups: what a scene is about in other words, a name alone, a name within other words, a quantity.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from typing import Any, Final

from attrs import field, frozen

from videovector_adapters.memory.models import toy
from videovector_core.models.ports import Extraction, ExtractionRequest, SynthesisRequest

TELLINGS: Final = 6
SEGMENTS: Final = 12
SECONDS: Final = 10
SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("headline", "place", "summary")},
}
# what is told (headline, sentence), and what somebody asks who did not hear it
SCENES: Final = (
    ("Pump overhaul", "the mechanic takes the pump apart and puts in a new seal", "fixing a leak in broken equipment"),
    ("Bread from the oven", "the baker slides loaves out of the oven before sunrise", "making food from dough early"),
    ("Harvest in the vineyard", "pickers cut the grapes and carry them down the slope", "gathering fruit for wine"),
    ("Ferry in a storm", "the ferry rolls in high waves and passengers hold the rails", "rough sea crossing by boat"),
    ("Glass blowing", "a glowing drop of glass turns into a bottle on the pipe", "shaping molten material by breath"),
    ("Sheep shearing", "the shearer has the fleece off in under two minutes", "cutting wool from farm animals"),
    ("Night train", "the sleeping car leaves the platform a little after midnight", "travelling by rail while asleep"),
    ("Bee keeping", "smoke calms the hive before the combs are lifted out", "insects that give honey"),
    (
        "Avalanche warning",
        "the slope above the village may slide after the heavy snow",
        "danger in the mountains in winter",
    ),
    (
        "Choir rehearsal",
        "the altos come in too late and the conductor starts again",
        "people practising singing together",
    ),
    ("Harbour crane", "a container swings over the quay and settles on the truck", "unloading cargo from a ship"),
    ("Solar roof", "the panels on the roof feed the battery in the cellar", "electricity from sunlight at home"),
    ("Broken leg", "the surgeon screws a plate onto the bone", "operation on an injured patient"),
    ("Chess final", "she gives up her queen and wins nine moves later", "a clever sacrifice in a board game"),
    ("Volcano watch", "ash rises from the crater and the instruments tremble", "scientists measure an eruption"),
    ("School garden", "the pupils sow radishes and water them with small cans", "children growing vegetables"),
    (
        "Clock tower",
        "the old gears are oiled so that the bell strikes on the hour",
        "caring for a big mechanical timepiece",
    ),
    ("Wind farm", "the rotor blades stand still because there is no wind", "renewable energy without any breeze"),
    ("Lost dog", "the puppy is found under a bridge and brought back home", "a missing pet returns to its family"),
    ("Paper mill", "pulp runs over the sieve and dries to a sheet", "how writing material is produced"),
    ("Marathon", "the leader breaks away on the last hill", "a long running race"),
    ("Fish market", "crates of herring are sold before the doors open", "buying the catch at an auction"),
    ("Rescue drill", "firemen lower a dummy from the fourth floor", "emergency crews practise saving someone"),
    ("Violin maker", "the spruce top is planed until it rings", "building a stringed instrument by hand"),
    ("Desert road", "sand covers the asphalt and the convoy waits", "vehicles stuck in a dry region"),
    ("Polar bear", "the bear walks over the ice with two cubs", "an arctic predator and its young"),
    ("Tea ceremony", "the host warms the bowl and whisks the powder", "a quiet ritual with a hot drink"),
    ("Flooded cellar", "the water stands knee deep and the pumps run all night", "a house after too much rain"),
    ("Rocket test", "the engine burns on the stand for three minutes", "trying out a space launcher"),
    ("Library move", "forty thousand books travel to new shelves", "relocating a large collection of volumes"),
    ("Cheese cellar", "the wheels are turned and brushed with brine", "ripening a dairy product"),
    ("Traffic count", "a camera counts bicycles at the crossing", "measuring how many people cycle"),
    ("Puppet theatre", "the strings are tangled and the audience laughs", "a funny stage show with marionettes"),
    ("Coral reef", "divers plant small corals on a steel frame", "restoring life under the sea"),
    ("Court ruling", "the judge sets the verdict aside and orders a new trial", "a legal decision is overturned"),
    ("Satellite image", "the picture from orbit shows how the lake has shrunk", "drought seen from space"),
    ("Shoe repair", "the cobbler glues a new sole and trims the edge", "mending footwear"),
    (
        "Blood donation",
        "the nurse labels the bags and thanks the volunteers",
        "giving something of one's body to help the ill",
    ),
    ("Tunnel drilling", "the machine eats through the rock eleven metres a day", "digging a passage under a mountain"),
    ("Street market", "spices and cloth are sold under coloured awnings", "outdoor shopping at stalls"),
)
UNITS: Final = ("crates", "litres", "metres", "sacks", "bolts", "tickets", "kilograms", "panels")
_FRONTS: Final = ("Tar", "Bel", "Mor", "Kes", "Dun", "Hal", "Ver", "Lin", "Ost", "Gra", "Pol", "Wen", "Sar", "Ild")
_ENDS: Final = ("wick", "mere", "stow", "holm", "ford", "by", "ness", "gate", "den", "rup")


@frozen
class Told:
    """One segment: a scene, and what was named in it."""

    scene: int
    machine: str
    place: str
    amount: int
    unit: str

    @property
    def text(self) -> str:
        """What is said."""
        said = SCENES[self.scene][1]
        return f"Here in {self.place} {said}. The {self.machine} stands ready, with {self.amount} {self.unit} in store."

    @property
    def document(self) -> dict[str, str]:
        """What is extracted."""
        return {"headline": SCENES[self.scene][0], "place": self.place, "summary": self.text}


@frozen
class Asked:
    """A question, its group, and the places of its right answers among the segments that are told."""

    query: str
    group: str
    right: tuple[int, ...]


@frozen
class Labelled:
    """All that is told, in order, and all that is asked."""

    told: tuple[Told, ...]
    asked: tuple[Asked, ...] = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "asked", tuple(_questions(self.told)))

    def films(self) -> Iterator[bytes]:
        """Make the films: toy files that are cut every ten seconds and speak."""
        for at in range(0, len(self.told), SEGMENTS):
            part = self.told[at : at + SEGMENTS]
            starts = range(0, SECONDS * len(part), SECONDS)
            speech = [[start + 1, start + 9, one.text] for start, one in zip(starts, part, strict=True)]
            yield toy(duration=SECONDS * len(part), cuts=list(starts[1:]), speech=speech)

    def evaluation(self, index_id: str, videos: list[str]) -> dict[str, Any]:
        """Return the body of an evaluation; `videos` are the films in their order."""
        return {
            "index_id": index_id,
            "name": "labelled set",
            "top_k": 10,
            "queries": [
                {"query": one.query, "group": one.group, "relevant": [_moment(videos, place) for place in one.right]}
                for one in self.asked
            ],
        }


@frozen
class Reads:
    """`Extractor` that knows what was told by what was said."""

    known: dict[str, dict[str, str]]

    async def extract(self, request: ExtractionRequest) -> Extraction:
        said = " ".join(phrase.text for phrase in request.evidence.transcript.phrases)
        return Extraction(json.dumps(self.known.get(said, {})), "toy")

    async def synthesize(self, request: SynthesisRequest) -> Extraction:
        return Extraction("{}", "toy")


def labelled() -> Labelled:
    """Make the set; it is the same every time."""
    chance = random.Random(20)
    places = [front + end for front, end in itertools.product(_FRONTS, _ENDS)]
    chance.shuffle(places)
    machines = list(_machines(chance))
    amounts = chance.sample(range(101, 999), len(SCENES) * TELLINGS)
    told = [
        Told(
            number % len(SCENES), machines[number], places[number % len(places)], amounts[number], chance.choice(UNITS)
        )
        for number in range(len(SCENES) * TELLINGS)
    ]
    chance.shuffle(told)
    return Labelled(tuple(told))


def extractor(made: Labelled) -> Reads:
    """Return what extracts from these films."""
    return Reads({one.text: one.document for one in made.told})


def _machines(chance: random.Random) -> Iterator[str]:
    """Make names in pairs that differ by the order of two digits."""
    seen: set[str] = set()
    for _ in range(len(SCENES) * TELLINGS // 2):
        while True:
            letters = "".join(chance.choices("BDKLMTVX", k=2))
            a, b, c, d = chance.sample("123456789", 4)
            twins = {f"{letters}-{a}{b}{c}{d}", f"{letters}-{a}{c}{b}{d}"}
            if not twins & seen:
                break
        seen |= twins
        yield from sorted(twins)


def _questions(told: tuple[Told, ...]) -> Iterator[Asked]:
    chance = random.Random(40)
    for number, (_, _, words) in enumerate(SCENES):
        yield Asked(words, "other words", tuple(at for at, one in enumerate(told) if one.scene == number))
    for at in chance.sample(range(len(told)), 60):
        name = told[at].machine if at % 3 else told[at].place
        yield Asked(name, "names", tuple(n for n, one in enumerate(told) if name in {one.machine, one.place}))
    for at in chance.sample(range(len(told)), 30):
        one = told[at]
        same = tuple(n for n, other in enumerate(told) if other.place == one.place and other.scene == one.scene)
        yield Asked(f"{SCENES[one.scene][2]} in {one.place}", "names in other words", same)
    for at in chance.sample(range(len(told)), 30):
        yield Asked(f"{told[at].amount} {told[at].unit}", "quantities", (at,))


def _moment(videos: list[str], place: int) -> dict[str, Any]:
    start = place % SEGMENTS * SECONDS
    return {"video_id": videos[place // SEGMENTS], "start_time": start, "end_time": start + SECONDS}
