"""A performer's faces as training reads them, and what is to be known of them beforehand."""
