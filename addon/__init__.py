"""What ties Understudy to Blender: properties, preferences, footage, jobs, the timer."""
