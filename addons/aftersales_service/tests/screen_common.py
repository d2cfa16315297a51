class ScreenMixin:
    """Counts the queries of a screen, which the web client reads all at once."""

    def _get_spec(self, action, view_type):
        """Return the fields that the view of ``action`` asks for, as the web client does."""
        action = self.env.ref(f"aftersales_service.{action}")
        model = action.env[action.res_model]
        view_id = {kind: view for view, kind in action.views}[view_type]
        names = {"id": {}}
        for name in model.get_view(view_id, view_type)["models"][model._name]:
            names[name] = {"fields": {"display_name": {}}} if model._fields[name].relational else {}
        return names

    def _count(self, records, user, spec):
        """Return how many queries it takes to show ``records`` to ``user``."""
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.cr.sql_log_count
        model = self.env[records._name].with_user(user)
        result = model.web_search_read([("id", "in", records.ids)], spec, limit=80)
        self.assertEqual(len(result["records"]), len(records))
        return self.cr.sql_log_count - before

    def _assert_constant(self, records, screens, users, few=10):
        """Assert that all ``records`` cost the queries of the first ``few``.

        :param dict screens: kinds of view by the name of their action
        """
        for action, view_types in screens.items():
            for view_type in view_types:
                spec = self._get_spec(action, view_type)
                for user in users:
                    with self.subTest(action=action, view=view_type, user=user.login):
                        self._count(records, user, spec)  # what is read once only
                        first = self._count(records[:few], user, spec)
                        self.assertLessEqual(self._count(records, user, spec), first + 2)
