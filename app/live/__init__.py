"""The one training that may run on this server while visitors watch it: its process, and whose turn it is.

Nothing here needs torch, so the launcher can hold it before the first visitor comes.
"""
