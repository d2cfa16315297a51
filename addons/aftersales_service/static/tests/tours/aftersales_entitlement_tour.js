import { registry } from "@web/core/registry";
import { stepUtils } from "@web_tour/tour_utils";

registry.category("web_tour.tours").add("aftersales_service_entitlement", {
    steps: () => [
        ...stepUtils.goToAppSteps("aftersales_service.menu_root", "Open After-sales"),
        {
            content: "Open the section",
            trigger: "[data-menu-xmlid='aftersales_service.menu_warranty']",
            run: "click",
        },
        {
            content: "Open the check",
            trigger: "[data-menu-xmlid='aftersales_service.menu_entitlement']",
            run: "click",
        },
        {
            content: "Scan a serial: a scanner types it and presses Enter",
            trigger: ".o_field_widget[name=search] input",
            run: "edit TOUR-0002 && press Enter",
        },
        {
            content: "Each component has its verdict",
            trigger: ".o_field_widget[name=line_ids] .o_data_row:contains(Hydraulic parts)",
        },
        {
            content: "Name the part that failed",
            trigger: ".o_field_widget[name=part_id] input",
            run: "edit Seal kit",
        },
        {
            content: "Choose it",
            trigger:
                ".o_field_widget[name=part_id] .o-autocomplete--dropdown-item:contains(Seal kit) a",
            run: "click",
        },
        {
            content: "It is charged, with the price",
            trigger: ".alert-warning .o_field_widget[name=reason]:contains(has no warranty)",
        },
        {
            content: "168.00 and the fee of 10 %",
            trigger: ".o_field_widget[name=price_fee]:contains(16.80)",
        },
        {
            content: "Take the request from here",
            trigger: "button[name=action_new_request]",
            run: "click",
        },
        {
            content: "The customer and the machine are there",
            trigger: ".o_field_widget[name=serial_number]:contains(TOUR-0002)",
        },
        {
            content: "Note the problem",
            trigger: ".o_field_widget[name=description] textarea",
            run: "edit The seal leaks",
        },
        ...stepUtils.saveForm(),
    ],
});
