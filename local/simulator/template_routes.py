"""The Graph API's routes about templates: parameters in, rows out."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from local.simulator import fields, library
from local.simulator.authoring import Authoring
from local.simulator.config import Json, Options
from local.simulator.errors import invalid
from local.simulator.misleading import asked, misled
from local.simulator.paging import page
from local.simulator.reviews import Reviews
from local.simulator.templates import ORDINARY, Template, Templates
from local.simulator.wsgi import Request, several


class TemplateRoutes:
    def __init__(self, templates: Templates, authoring: Authoring, reviews: Reviews, options: Options) -> None:
        self._templates, self._authoring, self._reviews = templates, authoring, reviews
        self.options = options
        self.routes: dict[tuple[str, str, str], Callable[[Any, Request], Any]] = {
            ("GET", "waba", "message_templates"): self._list,
            ("POST", "waba", "message_templates"): self._create,
            ("DELETE", "waba", "message_templates"): self._delete,
            ("GET", "root", "message_template_library"): self._search_library,
            ("GET", "template", ""): self._read,
            ("POST", "template", ""): self._edit,
            ("POST", "template", "unpause"): self._unpause,
        }

    def _list(self, waba_id: str, request: Request) -> Json:
        wanted, listed, how = _filter(request.query), self._templates.all(waba_id), self.options.paging
        found = page(listed, asked(how, request), self.options, number=lambda each: each.number, wanted=wanted)
        answer = misled(how, found, request).answer(lambda template: _row(template, request))
        if "summary" in request.query:
            answer["summary"] = {
                "total_count": sum(map(wanted, listed)),
                "message_template_count": self._templates.count_names(waba_id),
                "message_template_limit": self.options.template_limit,
                "are_translations_complete": True,
            }
        return answer

    def _search_library(self, _root: None, request: Request) -> Json:
        rows = list(enumerate(library.search(request.query)))
        return page(rows, request, self.options, number=lambda row: row[0]).answer(lambda row: row[1])

    def _read(self, template: Template, request: Request) -> Json:
        return fields.chosen(template.data, request, fields.TEMPLATE_DEFAULT, fields.TEMPLATE)

    def _create(self, waba_id: str, request: Request) -> Json:
        template = self._authoring.create(waba_id, request.params)
        return {"id": template.id, "status": template.status, "category": template.category}

    def _edit(self, template: Template, request: Request) -> Json:
        self._authoring.edit(template, request.params)
        return {"success": True, "id": template.id, "category": template.category}

    def _unpause(self, template: Template, _request: Request) -> Json:
        if template.status != "PAUSED":
            raise invalid("The template is not paused.")
        self._reviews.decide(template, "unpause")
        return {"success": True}

    def _delete(self, waba_id: str, request: Request) -> Json:
        params = request.params
        ids = params.get("hsm_ids", [])
        if isinstance(ids, str):
            ids = several(ids)
        if params.get("hsm_id"):
            ids = [params["hsm_id"]]
        name = params.get("name", "")
        if not name and not ids:
            raise invalid("The parameter name is required.")
        self._authoring.delete(waba_id, str(name), [str(each) for each in ids if each])
        return {"success": True}


def _row(template: Template, request: Request) -> Any:
    if template.row is not ORDINARY:
        return template.row
    return fields.chosen(template.data, request, fields.TEMPLATE_DEFAULT, fields.TEMPLATE)


def _filter(query: Mapping[str, str]) -> Callable[[Template], bool]:
    """The filters of the query, as one. What is no template at all passes every one."""
    exact = {name: _upper(query[name]) for name in ("status", "language", "category") if query.get(name)}
    scores = _upper(query["quality_score"]) if query.get("quality_score") else None
    name, part = query.get("name"), query.get("name_or_content")

    def wanted(template: Template) -> bool:
        if template.row is not ORDINARY:
            return True
        data = template.data
        if any(str(data.get(field)).upper() not in values for field, values in exact.items()):
            return False
        if scores is not None and data["quality_score"]["score"] not in scores:
            return False
        if name and data["name"] != name:
            return False
        return not part or part in data["name"] or part in json.dumps(data.get("components"), ensure_ascii=False)

    return wanted


def _upper(value: str) -> set[str]:
    return {each.upper() for each in several(value)}
