"""A finished conversion looked over: which frames a person should look at first."""
