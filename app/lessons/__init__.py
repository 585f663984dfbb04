"""A lesson: steps into the app and questions, prepared before class and turned with the clicker.

lesson_file: the format, and what is wrong with a file; library: the lessons that come with the project, and new ones from a chapter's
beats; places: where a step leads; warming: every step is opened ahead of the class; walking: the lesson of one session, and its step;
steps: what a step does; dialog: where one is chosen.
"""
