import { registry } from "@web/core/registry";
import { stepUtils } from "@web_tour/tour_utils";

registry.category("web_tour.tours").add("aftersales_parts_month_end", {
    steps: () => [
        stepUtils.showAppsMenuItem(),
        {
            content: "Open the application",
            trigger: ".o_app[data-menu-xmlid='aftersales_service.menu_root']",
            run: "click",
        },
        {
            content: "Open the settlements",
            trigger: "[data-menu-xmlid='aftersales_parts.menu_settlement']",
            run: "click",
        },
        {
            content: "Open the month-end",
            trigger: "[data-menu-xmlid='aftersales_parts.menu_settlement_generate']",
            run: "click",
        },
        {
            content: "Choose October",
            trigger: ".modal .o_field_widget[name='month'] button, .modal .o_field_widget[name='month'] input",
            run: "click",
        },
        {
            content: "Enter a day of it",
            trigger: ".modal .o_field_widget[name='month'] input",
            run: "edit 10/15/2026 && press Tab",
        },
        {
            content: "Generate the month",
            trigger: ".modal button[name='action_start']",
            run: "click",
        },
        {
            content: "The bar is full, and what has no price is named",
            trigger: ".o_aftersales_finished:contains('100%') td:contains('Strange')",
        },
        {
            content: "Look at the lists",
            trigger: ".o_aftersales_show",
            run: "click",
        },
        {
            content: "The other center has its list",
            trigger: ".o_list_view .o_data_row:contains('Nanjing center')",
        },
    ],
});

registry.category("web_tour.tours").add("aftersales_parts_exception_ask", {
    steps: () => [
        {
            content: "The list says what was lost and why",
            trigger: ".alert-danger:contains('3,146.00')",
        },
        {
            content: "Ask for an exception",
            trigger: "button[name='action_open_exception']",
            run: "click",
        },
        {
            content: "Say why",
            trigger: ".o_field_widget[name='reason'] textarea",
            run: "edit Typhoon",
        },
        {
            content: "Submit",
            trigger: "button[name='action_submit']",
            run: "click",
        },
        {
            content: "It waits for customer service",
            trigger: ".o_statusbar_status [data-value='submitted'].o_arrow_button_current",
        },
    ],
});

registry.category("web_tour.tours").add("aftersales_parts_exception_grant", {
    steps: () => [
        {
            content: "Grant it",
            trigger: "button[name='action_approve']",
            run: "click",
        },
        {
            content: "Yes",
            trigger: ".modal-footer .btn-primary",
            run: "click",
        },
        {
            content: "It is granted",
            trigger: ".o_statusbar_status [data-value='approved'].o_arrow_button_current",
        },
    ],
});
