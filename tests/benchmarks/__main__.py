"""`make bench`: all measurements, one after the other."""

from tests.benchmarks import live_latency, training_step

if __name__ == "__main__":
    training_step.main()
    live_latency.main()
