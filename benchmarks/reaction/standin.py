"""Stands in for a vision model's thread: 20 frames a second, each some 20 ms of one core."""

import time

import numpy as np

FRAME_S = 0.05
WORK_S = 0.02


def main() -> None:
    """Multiply matrices as a model's layers would, until killed."""
    layer = np.ones((256, 256), dtype=np.float32)
    due_s = time.monotonic()
    while True:
        began_s = time.thread_time()
        while time.thread_time() - began_s < WORK_S:
            layer @ layer  # the product is of no use; the time it takes is
        due_s = max(due_s + FRAME_S, time.monotonic())
        time.sleep(max(0.0, due_s - time.monotonic()))


if __name__ == "__main__":
    main()
