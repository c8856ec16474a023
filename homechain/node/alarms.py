"""What an owner has to know of: hubs that contradict themselves, and a disk from the past."""

import logging
from collections import deque
from typing import Final

from homechain.consensus.effects import Accuse, Quarantine

logger = logging.getLogger(__name__)

ACCUSATIONS_KEPT: Final = 64


class Alarms:
    """Nothing here removes a hub by itself: the owner decides (consensus.md, Accountability)."""

    def __init__(self) -> None:
        self.accusations: deque[Accuse] = deque(maxlen=ACCUSATIONS_KEPT)
        self.is_quarantined = False
        """This hub's key signed what its disk does not know (R13): it only watches."""

    def accuse(self, item: Accuse, *, hub: str) -> None:
        """`hub` signed two statements that contradict each other."""
        self.accusations.append(item)
        logger.warning("hub %s signed two contradictory statements (%s)", hub, item.kind)

    def quarantine(self, item: Quarantine) -> None:
        """From now on this hub signs nothing."""
        self.is_quarantined = True
        logger.error(
            "this hub's key signed a %s that its disk does not know: was an old copy of the disk "
            "put back? It signs nothing any more; remove it from the home and let it join anew",
            type(item.proof).__name__,
        )
