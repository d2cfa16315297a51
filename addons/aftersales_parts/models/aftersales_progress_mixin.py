import logging

from psycopg2 import OperationalError

from odoo import fields, models
from odoo.exceptions import ConcurrencyError, UserError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

_logger = logging.getLogger(__name__)


class AftersalesProgressMixin(models.AbstractModel):
    """Work on many documents that a dialog runs step by step, with a bar and what went wrong.

    A wizard names the documents in `_get_step_ids` and does its work in `_run_ids`. Every step is
    a request of its own, so that what is done stays done: whoever closes the dialog, or loses the
    connection, starts again and goes on with what is left.
    """

    _name = "aftersales.progress.mixin"
    _description = "Work in steps"

    # of which model the ids are, and how many are worked on in one step
    _step_model = None
    _step_size = 10

    step_ids = fields.Json("Still to do", readonly=True)
    step_total = fields.Integer("To do in all", readonly=True)
    step_problems = fields.Json("Problems", readonly=True)
    step_busy = fields.Json(
        "Put off", readonly=True, help="What somebody else was working on; it is tried once more."
    )

    def _get_step_ids(self):
        """Return the ids of what is to be worked on, in order."""
        raise NotImplementedError

    def _run_ids(self, ids):
        """Work on the documents of these ids.

        :return: {id: list of sentences about what didn't go}
        :raises UserError: nothing was done for any of them
        """
        raise NotImplementedError

    def _get_nothing_message(self):
        """Return what is said if there is nothing to do."""
        return self.env._("There is nothing to do.")

    def _get_finish_action(self):
        """Return the action that shows what was done."""
        return {"type": "ir.actions.act_window_close"}

    def action_start(self):
        """Open the dialog that runs the steps.

        :raises UserError: there is nothing to do
        """
        self.ensure_one()
        ids = self._get_step_ids()
        if not ids:
            raise UserError(self._get_nothing_message())
        self.write({"step_ids": ids, "step_total": len(ids), "step_problems": [], "step_busy": []})
        return {
            "type": "ir.actions.client",
            "tag": "aftersales_parts.progress",
            "name": self._description_in_words(),
            "target": "new",
            "params": {"model": self._name, "id": self.id, "total": len(ids)},
            "context": {"footer": False},
        }

    def _description_in_words(self):
        return self.env["ir.model"]._get(self._name).display_name

    def run_step(self):
        """Work on the next documents; who can't be worked on is named and left out.

        What somebody else is working on comes last, once more, and is named if he still is.

        :return: dict of ``total``, ``done`` and ``problems``, dicts of ``name`` and ``text``
        """
        self.ensure_one()
        ids = self.step_ids or []
        now, rest = ids[: self._step_size], ids[self._step_size :]
        names = {
            record.id: record.display_name
            for record in self.env[self._step_model].browse(now).exists()
        }
        busy = self.step_busy or []
        put_off = []
        problems = []
        for res_id, texts in self._try_ids([i for i in now if i in names]).items():
            if texts is None and res_id not in busy:
                put_off.append(res_id)
                continue
            problems += [
                {"name": names[res_id], "text": text}
                for text in (self._get_busy_texts() if texts is None else texts)
            ]
        rest += put_off
        self.write(
            {
                "step_ids": rest,
                "step_problems": (self.step_problems or []) + problems,
                "step_busy": busy + put_off,
            }
        )
        return {"total": self.step_total, "done": self.step_total - len(rest), "problems": problems}

    def action_finish(self):
        """Return the action that shows what was done."""
        self.ensure_one()
        return self._get_finish_action()

    def _get_busy_texts(self):
        return [self.env._("Somebody else is working on it at this moment. Start again later.")]

    def _try_ids(self, ids):
        """Work on all at once, or if that fails on each.

        :return: {id: list of sentences about what didn't go, or None: somebody else is at it}
        """
        if not ids:
            return {}
        try:
            with self.env.cr.savepoint():
                return self._run_ids(ids)
        except Exception as error:
            is_busy = isinstance(error, (ConcurrencyError, *PG_CONCURRENCY_EXCEPTIONS_TO_RETRY))
            if isinstance(error, OperationalError) and not is_busy:
                raise
            # whatever one document runs into, the others are worked on all the same
            self.env.invalidate_all()
            if len(ids) > 1:
                return {key: text for i in ids for key, text in self._try_ids([i]).items()}
            if is_busy:
                return {ids[0]: None}
            if isinstance(error, UserError):
                return {ids[0]: [str(error)]}
            _logger.exception("%s failed on %s(%s)", self._name, self._step_model, ids[0])
            return {
                ids[0]: [
                    self.env._(
                        "Something went wrong that nobody expected. Your administrator finds it "
                        "in the server's log."
                    )
                ]
            }
