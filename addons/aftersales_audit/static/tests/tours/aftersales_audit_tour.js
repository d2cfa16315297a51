import { registry } from "@web/core/registry";

function press(name, stateAfter) {
    return [
        {
            content: `Press ${name}`,
            trigger: `.o_statusbar_buttons button[name=${name}]`,
            run: "click",
        },
        {
            content: `The state is now ${stateAfter}`,
            trigger: `.o_statusbar_status button[data-value=${stateAfter}].o_arrow_button_current`,
        },
    ];
}

registry.category("web_tour.tours").add("aftersales_audit_submit", {
    steps: () => [
        {
            content: "A draft can't be started",
            trigger: ".o_form_view:not(:has(button[name=action_start]))",
        },
        ...press("action_submit", "submitted"),
        {
            content: "The form tells whose decision is needed",
            trigger: ".alert .o_field_widget[name=approval_status]",
        },
        {
            content: "Who submitted can't approve",
            trigger: ".o_form_view:not(:has(button[name=action_approve]))",
        },
    ],
});

registry.category("web_tour.tours").add("aftersales_audit_approve", {
    steps: () => [...press("action_approve", "approved")],
});

registry.category("web_tour.tours").add("aftersales_audit_start", {
    steps: () => [
        ...press("action_start", "in_progress"),
        {
            content: "Open the checks",
            trigger: ".o_notebook_headers a[name=checks]",
            run: "click",
        },
        {
            content: "There is one check per article",
            trigger: ".o_field_widget[name=check_ids] .o_data_row:nth-child(2)",
        },
    ],
});
