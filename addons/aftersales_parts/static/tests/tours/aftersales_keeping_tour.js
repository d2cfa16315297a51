import { registry } from "@web/core/registry";
import { stepUtils } from "@web_tour/tour_utils";

registry.category("web_tour.tours").add("aftersales_parts_keeping", {
    steps: () => [
        stepUtils.showAppsMenuItem(),
        {
            content: "Open the application",
            trigger: ".o_app[data-menu-xmlid='aftersales_service.menu_root']",
            run: "click",
        },
        {
            content: "Open the used parts",
            trigger: "[data-menu-xmlid='aftersales_parts.menu_parts']",
            run: "click",
        },
        {
            content: "Open what is kept",
            trigger: "[data-menu-xmlid='aftersales_parts.menu_keeping']",
            run: "click",
        },
        {
            content: "Tick the part",
            trigger: ".o_data_row:contains('Gauge') .o_list_record_selector input",
            run: "click",
        },
        {
            content: "Store it",
            trigger: ".o_control_panel button[name='action_open_store']",
            run: "click",
        },
        {
            content: "On the yard",
            trigger: ".modal .o_field_widget[name='place_id'] input",
            run: "edit Yard",
        },
        {
            content: "which is offered",
            trigger: ".modal .o-autocomplete--dropdown-item:contains('Yard')",
            run: "click",
        },
        {
            content: "It may not lie outdoors",
            trigger: ".modal .alert-danger .o_field_widget[name='issues']",
        },
        {
            content: "and can't be stored there",
            trigger: ".modal-footer:not(:has(button[name='action_store']))",
        },
        {
            content: "In the cabinet",
            trigger: ".modal .o_field_widget[name='place_id'] input",
            run: "edit Cabinet",
        },
        {
            content: "which is offered, too",
            trigger: ".modal .o-autocomplete--dropdown-item:contains('Cabinet')",
            run: "click",
        },
        {
            content: "Store",
            trigger: ".modal-footer button[name='action_store']",
            run: "click",
        },
        {
            content: "It lies in order",
            trigger:
                "body:not(:has(.modal)) .o_data_row:contains('Gauge') td[name='storage_state'] .text-bg-success",
        },
    ],
});
