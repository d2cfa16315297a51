from odoo.tests import tagged

from .common import AftersalesCommon


@tagged("post_install", "-at_install")
class TestRegulation(AftersalesCommon):
    """Every article is a record, linked with what enforces it."""

    def test_linked_both_ways(self):
        """E2: from the article to its rules, and from the rule to its article."""
        rule = self.env.ref("aftersales_service.deadline_rule_arrival_city")
        article = rule.regulation_id.with_user(self.clerk)
        self.assertEqual(article.code, "M3.1")
        self.assertIn(f"/odoo/aftersales.deadline.rule/{rule.id}", article.enforcement)
        self.assertIn(rule.name, article.enforcement)
        self.assertIn("Service request", article.enforcement)

    def test_names_are_escaped(self):
        """A rule's name is shown as text, whatever it contains."""
        rule = self.env.ref("aftersales_service.deadline_rule_arrival_city")
        rule.name = "<script>alert(1)</script>"
        self.assertNotIn("<script>", rule.regulation_id.enforcement)
        self.assertIn("&lt;script&gt;", rule.regulation_id.enforcement)

    def test_models_name_known_articles(self):
        """E2: the articles that models say they enforce exist, each once."""
        articles = self.env["aftersales.regulation"]
        codes = articles._get_documents()
        self.assertGreater(len(codes), 15)
        self.assertEqual(set(codes) - set(articles.search([]).mapped("code")), set())

    def test_found_by_words(self):
        """E2: an article is found by its code and by a word of its text."""
        articles = self.env["aftersales.regulation"].with_user(self.clerk)
        self.assertEqual(articles.name_search("L2.11")[0][0], self._id("L2_11"))
        found = articles.search([("text", "ilike", "ballast")])
        self.assertIn(self._id("L1_1"), found.ids)

    def _id(self, code):
        return self.env.ref(f"aftersales_service.regulation_{code}").id

    def test_queries(self):
        """Speed: the links of 95 articles take no query for each."""
        articles = self.env["aftersales.regulation"].search([])
        self.assertGreaterEqual(len(articles), 95)
        articles.mapped("enforcement")
        self.env.invalidate_all()
        with self.assertQueryCount(25):
            articles.mapped("enforcement")
