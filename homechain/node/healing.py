"""What a hub asks for, and shows to others, when something is missing: nothing here binds anybody.

May not live here: whether something is missing (`consensus`), or judging what comes back.
"""

from collections import OrderedDict
from typing import Final

from homechain.consensus import effects as wanted
from homechain.model.configuration import Configuration
from homechain.model.messages import BlocksWanted, BlockWanted
from homechain.node.catch_up import PAGE_BLOCKS, CatchUp
from homechain.node.chain import Chain
from homechain.node.ports import World
from homechain.node.voice import Voice

FETCHES_KEPT: Final = 64

Hint = wanted.Show | wanted.Remind | wanted.Fetch | wanted.CatchUp


class Healing:
    """Fetches bodies and final blocks, shows certificates."""

    def __init__(self, *, chain: Chain, world: World, voice: Voice) -> None:
        self.catch_up = CatchUp()
        self._chain = chain
        self._peers = world.peers
        self._clock = world.clock
        self._voice = voice
        self._fetching: OrderedDict[bytes, None] = OrderedDict()

    def perform(self, hint: Hint, configuration: Configuration) -> None:
        """Does what the core wants."""
        match hint:
            case wanted.Show(certificate=certificate, to=number):
                self._voice.show(certificate, configuration, to=number)
            case wanted.Remind(statement=statement, to=number):
                self._voice.send(statement, configuration, to=number)
            case wanted.Fetch(block=block, sources=sources):
                self.expect(block)
                for number in sources:
                    self._voice.send(BlockWanted(block), configuration, to=number)
            case wanted.CatchUp(hub=number, height=height):
                if number is not None:
                    self.catch_up.hear_of(configuration.members[number], height)
                self.seek_blocks()

    def seek_blocks(self) -> None:
        """Asks somebody for the final blocks that are missing here, if anybody has more."""
        request = self.catch_up.next_request(
            head=self._chain.head.height,
            connected=self._peers.connected(),
            now_ms=self._clock.monotonic_ms(),
        )
        if request is not None:
            self._peers.send(request.hub, BlocksWanted(request.from_height, PAGE_BLOCKS))

    def expect(self, block: bytes) -> None:
        """The body of `block` is certified, and welcome when it comes."""
        self._fetching[block] = None
        self._fetching.move_to_end(block)
        if len(self._fetching) > FETCHES_KEPT:
            self._fetching.popitem(last=False)

    def expects(self, block: bytes) -> bool:
        """Whether anybody asked for this body: nobody else's is kept."""
        return block in self._fetching
