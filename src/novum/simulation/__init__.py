"""Makers of events."""

from novum.simulation.injection import Injection, inject, inject_files
from novum.simulation.toy import toy_dijets

__all__ = ["Injection", "inject", "inject_files", "toy_dijets"]
