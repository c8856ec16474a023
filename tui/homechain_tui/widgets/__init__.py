"""Parts of screens. They show what they are given and post messages; they never call the hub."""
