"""The demonstration: two sample clips made from public-domain portraits, and the whole job on them (worker-side)."""
