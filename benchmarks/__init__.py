"""Throughput as ratios: the service and a floor that does the least thinkable come in turns in the same run."""
