"""Kinematics, jets and their substructure: no learning, no files."""

from novum.physics.particles import Particles

__all__ = ["Particles"]
