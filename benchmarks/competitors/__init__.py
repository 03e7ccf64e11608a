"""The queues that are compared: one module each, all with what `contestant.Competitor` asks for.

They are imported by the process that prints, which has no Django, so Django is imported inside of functions. Those run
in a client process of the competitor's own.
"""
