"""Children that a terminal would have started."""

import signal


def hear_interrupts() -> None:
    """For `preexec_fn`: a shell's background jobs ignore SIGINT, and all they start would."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
