import { registry } from "@web/core/registry";
import { stepUtils } from "@web_tour/tour_utils";

function open(menu) {
    return [
        ...stepUtils.goToAppSteps("aftersales_service.menu_root", "Open After-sales"),
        {
            content: "Open the section",
            trigger: "[data-menu-xmlid='aftersales_service.menu_network']",
            run: "click",
        },
        {
            content: "Open the list",
            trigger: `[data-menu-xmlid='aftersales_service.${menu}']`,
            run: "click",
        },
    ];
}

function fill(field, text, tag = "input") {
    return {
        content: `Fill ${field}`,
        trigger: `.o_field_widget[name=${field}] ${tag}`,
        run: `edit ${text}`,
    };
}

registry.category("web_tour.tours").add("aftersales_network_apply", {
    steps: () => [
        ...open("menu_center_application"),
        {
            content: "Start an application",
            trigger: ".o_list_button_add",
            run: "click",
        },
        fill("partner_id", "Tour lamp store"),
        {
            content: "Choose the known store",
            trigger:
                ".o_field_widget[name=partner_id] .o-autocomplete--dropdown-item:contains(Tour lamp store) a",
            run: "click",
        },
        {
            content: "The region follows from the address",
            trigger: ".o_field_widget[name=region_id] input:value(North)",
        },
        {
            content: "So does the office above",
            trigger: ".o_field_widget[name=parent_id] input:value(Office North)",
        },
        fill("contact_name", "Li Lei"),
        fill("contact_email", "li.lei@tour.example.com"),
        fill("fee_amount", "800"),
        fill("coverage", "Lamp town and around", "textarea"),
        {
            content: "Tick the only criterion",
            trigger: ".o_field_widget[name=criterion_ids] input[type=checkbox]",
            run: "click",
        },
        {
            content: "Submit; that saves first",
            trigger: ".o_statusbar_buttons button[name=action_submit]",
            run: "click",
        },
        {
            content: "Customer service decides next",
            trigger: ".o_field_widget[name=approval_status]",
        },
        {
            content: "The form is saved",
            trigger: ".o_form_saved",
        },
    ],
});

registry.category("web_tour.tours").add("aftersales_network_establish", {
    steps: () => [
        ...open("menu_center_application"),
        {
            content: "Open the application",
            trigger: ".o_data_cell:contains(Tour lamp store)",
            run: "click",
        },
        {
            content: "Approve",
            trigger: ".o_statusbar_buttons button[name=action_approve]",
            run: "click",
        },
        {
            content: "Establish the center",
            trigger: ".o_statusbar_buttons button[name=action_establish]",
            run: "click",
        },
        {
            content: "Yes, really",
            trigger: ".modal-footer .btn-primary",
            run: "click",
        },
        {
            content: "The center's file opens",
            trigger: ".o_notebook_headers a[name=aftersales]",
            run: "click",
        },
        {
            content: "It is active",
            trigger: ".o_field_widget[name=center_state] .text-bg-success",
        },
        {
            content: "The fee is agreed",
            trigger: ".o_field_widget[name=center_fee_ids] .o_data_row:contains(800)",
        },
        {
            content: "Open the section",
            trigger: "[data-menu-xmlid='aftersales_service.menu_network']",
            run: "click",
        },
        {
            content: "Open the list of centers",
            trigger: "[data-menu-xmlid='aftersales_service.menu_center']",
            run: "click",
        },
        {
            content: "Look for the new one",
            trigger: ".o_searchview_input",
            run: "edit Tour lamp store",
        },
        {
            content: "Search",
            trigger: ".o_searchview_input",
            run: "press Enter",
        },
        {
            content: "It is in the list",
            trigger: ".o_list_view .o_data_row:only-of-type .o_data_cell:contains(Tour lamp store)",
        },
    ],
});

registry.category("web_tour.tours").add("aftersales_network_counts", {
    steps: () => [
        ...open("menu_center"),
        {
            content: "The own region is filtered",
            trigger: ".o_searchview_facet:nth-of-type(2)",
        },
        {
            content: "Click the number of open requests",
            trigger: ".o_data_row:contains(Center North) [name=open_request_count] a",
            run: "click",
        },
        {
            content: "They open",
            trigger: ".o_breadcrumb .o_back_button, .o_breadcrumb .breadcrumb-item",
        },
        {
            content: "It is the center's request",
            trigger: ".o_list_view .o_data_row:contains(Northern Quarry)",
        },
    ],
});
