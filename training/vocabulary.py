"""Owns the words that the trained recogniser knows."""

COLOURS = ("red", "green", "blue", "black", "white", "yellow", "orange")
NOUNS = ("video", "audio", "music", "scene", "title", "camera", "light", "timeline", "subtitle", "banana")
NUMBERS = (
    *("zero", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)
ORDERS = ("first", "last", "next")
VERBS = ("start", "stop", "play", "record", "cut")
OTHERS = ("hello", "world", "yes", "no", "this", "is", "the", "and", "good", "morning", "welcome", "today")

WORDS = (*NUMBERS, *NOUNS, *VERBS, *COLOURS, *ORDERS, *OTHERS)
