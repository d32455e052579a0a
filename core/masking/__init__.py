"""The mask tool: masks added, made anew, brought in, shown, and corrected for what passes in front of the face."""
