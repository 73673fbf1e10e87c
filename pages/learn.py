"""Learn: the same core on points in the plane, two panels one switch apart, five tasks and the glossary."""

from app.components import glossary, learn, shell

shell.header(
    "Learn: the core in two dimensions",
    "Real points, an attack, margins, a curriculum and a loss that moves a few points: the same code as on images,"
    " small enough to see whole.",
)
lesson = learn.choose_task()
if lesson:
    learn.ask(lesson)
choice = learn.set_up(lesson)
learn.panels(choice, lesson)
if lesson:
    learn.reveal(lesson, choice)
glossary.show()
