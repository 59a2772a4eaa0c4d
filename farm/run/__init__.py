"""How jobs run: the queue of jobs, one worker for each server, what is recorded and what happens after a failure."""
