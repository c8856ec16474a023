"""One screen a place, and the dialogs. A screen's style stands beside it."""
