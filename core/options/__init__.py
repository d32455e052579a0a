"""Every option of Understudy, declared once (stdlib only; both sides import it)."""

from .field import Declaration, Option, check, is_meant, make, option, options_of
from .rows import Row, find

__all__ = ["Declaration", "Option", "Row", "check", "find", "is_meant", "make", "option", "options_of"]
