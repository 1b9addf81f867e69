"""The demo's hour in made time, and the forklift against the clock: what a newcomer asks first."""
