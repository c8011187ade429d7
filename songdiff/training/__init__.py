"""Accelerate trainings of every part, each from a recipe."""

from .loop import train
from .recipe import Recipe, RecipeError, load_recipe
from .tasks import build_task

__all__ = ["Recipe", "RecipeError", "build_task", "load_recipe", "train"]
