"""A serial bus that keeps a real wire's time, as a process of its own."""
