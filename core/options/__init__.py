"""Every option of Understudy, declared once (stdlib only; both sides import it)."""

from .field import Declaration, Option, change_paths, check, is_meant, make, option, options_of
from .rows import Row, find

__all__ = ["Declaration", "Option", "Row", "change_paths", "check", "find", "is_meant", "make", "option", "options_of"]
