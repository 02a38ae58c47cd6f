"""Makers of events."""

from novum.simulation.toy import toy_dijets

__all__ = ["toy_dijets"]
