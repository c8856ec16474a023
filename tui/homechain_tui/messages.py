"""What widgets tell their screens. Widgets post, screens act."""

from textual.message import Message


class PlaceChosen(Message):
    """Go to one of the five places."""

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place


class DeviceChosen(Message):
    """Open one device."""

    def __init__(self, did: str) -> None:
        super().__init__()
        self.did = did


class RecordChosen(Message):
    """Open one record down to its signature."""

    def __init__(self, record_id: str) -> None:
        super().__init__()
        self.record_id = record_id


class ActionChosen(Message):
    """A control of a device was used."""

    def __init__(self, action: str) -> None:
        super().__init__()
        self.action = action
