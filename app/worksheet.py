"""The five tasks on paper: questions with room for an answer, and on a second page what is so. No Streamlit.

``python -m app.worksheet`` prints it; `docs/worksheet.md` is this text.
"""

from app import teaching

LINE = "." * 100
BREAK = '<div style="break-after: page"></div>'
HEAD = f"""# Worksheet: the core in two dimensions

Name: {"." * 40} Date: {"." * 20}

Open the Learn page of the app at the address of each task. Predict first and write down why; only then reveal."""


def text() -> str:
    """The whole worksheet as Markdown; the lessons are its only source."""
    tasks = list(enumerate(teaching.lessons().values(), 1))
    questions = [_question(number, lesson) for number, lesson in tasks]
    answers = [f"## {number}. {lesson.title}\n\n{_answer(lesson)}" for number, lesson in tasks]
    return "\n\n".join([HEAD, *questions, BREAK, "# What is so", *answers]) + "\n"


def _question(number: int, lesson: teaching.Lesson) -> str:
    choices = "\n".join(f"- ☐ {choice}" for choice in lesson.choices)
    head = f"## {number}. {lesson.title}\n\n`/learn?task={lesson.id}`: {lesson.text}"
    return f"{head}\n\n**{lesson.question}**\n\n{choices}\n\nBecause:\n\n{LINE}\n\n{LINE}"


def _answer(lesson: teaching.Lesson) -> str:
    return f"**{lesson.choices[lesson.right]}.** {lesson.reveal}"


if __name__ == "__main__":
    print(text(), end="")
