"""The worksheet is made of the lessons, and the one in docs is that one."""

from pathlib import Path

from app import teaching, worksheet

ROOT = Path(__file__).resolve().parents[1]


def test_the_worksheet_of_the_docs_is_the_one_of_the_lessons():
    stored = (ROOT / "docs" / "worksheet.md").read_text(encoding="utf-8")
    assert stored == worksheet.text(), "run: python -m app.worksheet > docs/worksheet.md"


def test_questions_stand_on_the_first_page_and_reveals_on_the_second():
    asked, said = worksheet.text().split(worksheet.BREAK)
    for lesson in teaching.lessons().values():
        assert lesson.question in asked and all(choice in asked for choice in lesson.choices)
        assert f"task={lesson.id}" in asked and lesson.reveal not in asked
        assert f"{lesson.choices[lesson.right]}.** {lesson.reveal}" in said
