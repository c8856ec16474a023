"""What can go wrong on a device, by blame: the maker's, the home's, the disk's."""


class DeviceError(Exception):
    """Something that the kit cannot settle by trying again; the message says what to do."""


class BadDescription(DeviceError):
    """The maker's fault: the program does not fit the description that it gave of itself."""


class BadValue(DeviceError):
    """A value does not fit its description: the maker's in a report, the sender's in a command."""


class StateDamaged(DeviceError):
    """The disk's: what this device remembered cannot be read, or does not belong together."""


class WrongHome(DeviceError):
    """The hub shows papers that do not lead to the home that this device was taken into."""


class NotTakenIn(DeviceError):
    """The home turned this device away: it was refused, or retired. Every hub says so."""


RETIRED = "the home has retired this device; its key cannot come back"
