import { registry } from "@web/core/registry";
import { stepUtils } from "@web_tour/tour_utils";

registry.category("web_tour.tours").add("aftersales_parts_settlement", {
    steps: () => [
        stepUtils.showAppsMenuItem(),
        {
            content: "Open the application",
            trigger: ".o_app[data-menu-xmlid='aftersales_service.menu_root']",
            run: "click",
        },
        {
            content: "Open the settlement section",
            trigger: "[data-menu-xmlid='aftersales_parts.menu_settlement']",
            run: "click",
        },
        {
            content: "Open the list of settlements",
            trigger: "[data-menu-xmlid='aftersales_parts.menu_settlement_list']",
            run: "click",
        },
        {
            content: "Open the settlement that was sent",
            trigger: ".o_data_row td[name='name']",
            run: "click",
        },
        {
            content: "Confirm it",
            trigger: "button[name='action_open_confirm']",
            run: "click",
        },
        {
            content: "Yes, exactly this amount",
            trigger: ".modal-footer button[name='action_confirm']",
            run: "click",
        },
        {
            content: "It is credited",
            trigger: ".o_statusbar_status .o_arrow_button_current[data-value='posted']",
        },
    ],
});
