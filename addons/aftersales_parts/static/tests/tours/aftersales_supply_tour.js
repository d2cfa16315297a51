import { registry } from "@web/core/registry";
import { stepUtils } from "@web_tour/tour_utils";

registry.category("web_tour.tours").add("aftersales_parts_swap", {
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
            content: "Open the swaps",
            trigger: "[data-menu-xmlid='aftersales_parts.menu_swap']",
            run: "click",
        },
        {
            content: "Wait for their list",
            trigger: ".o_list_view th[data-name='office_id']",
        },
        {
            content: "Start a swap",
            trigger: ".o_list_button_add",
            run: "click",
        },
        {
            content: "With the center",
            trigger: ".o_field_widget[name='center_id'] input",
            run: "edit Hangzhou center",
        },
        {
            content: "Choose it",
            trigger: ".o-autocomplete--dropdown-item:contains('Hangzhou center')",
            run: "click",
        },
        {
            content: "Add what may be swapped",
            trigger: "button[name='action_collect']",
            run: "click",
        },
        {
            content: "One part is there",
            trigger: ".o_field_widget[name='line_ids'] .o_data_row",
        },
        {
            content: "Swap",
            trigger: "button[name='action_done']",
            run: "click",
        },
        {
            content: "Both are there",
            trigger: ".modal-footer .btn-primary",
            run: "click",
        },
        {
            content: "It is swapped",
            trigger: ".o_statusbar_status .o_arrow_button_current[data-value='done']",
        },
    ],
});
