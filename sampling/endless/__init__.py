"""Videos without end: a queue of frames at rising noise levels, written to a file as they are finished."""
