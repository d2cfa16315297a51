import { registry } from "@web/core/registry";
import { stepUtils } from "@web_tour/tour_utils";

registry.category("web_tour.tours").add("aftersales_purchase_comparison", {
    steps: () => [
        stepUtils.showAppsMenuItem(),
        {
            content: "Open the application",
            trigger: ".o_app[data-menu-xmlid='aftersales_service.menu_root']",
            run: "click",
        },
        {
            content: "Open the section of parts",
            trigger: "[data-menu-xmlid='aftersales_parts.menu_parts']",
            run: "click",
        },
        {
            content: "Open the list of comparisons",
            trigger: "[data-menu-xmlid='aftersales_parts.menu_purchase_comparison']",
            run: "click",
        },
        {
            content: "Open the draft",
            trigger: ".o_data_row td[name='name']",
            run: "click",
        },
        {
            content: "Record the third quote",
            trigger: ".o_statusbar_buttons button[name='action_add_quote']",
            run: "click",
        },
        {
            content: "The supplier",
            trigger: ".modal .o_field_widget[name='partner_id'] input",
            run: "edit Gamma",
        },
        {
            content: "is known",
            trigger: ".modal .o-autocomplete--dropdown-item:contains('Gamma')",
            run: "click",
        },
        {
            content: "The kind of invoice",
            trigger: ".modal .o_field_widget[name='invoice'] input",
            run: "click",
        },
        {
            content: "is none",
            trigger: ".o_select_menu_menu .o_select_menu_item:last",
            run: "click",
        },
        {
            content: "and is taken over",
            trigger: "body:not(:has(.o_select_menu_menu)) .modal .o_field_widget[name='invoice']",
        },
        {
            content: "By phone",
            trigger: ".modal .o_field_widget[name='obtained'] input[data-value='phone']",
            run: "click",
        },
        {
            content: "Who said so",
            trigger: ".modal .o_field_widget[name='contact'] input",
            run: "edit Mr Wang",
        },
        {
            content: "Fair quality",
            trigger: ".modal .o_field_widget[name='quality'] .o_priority_star:nth-child(3)",
            run: "click",
        },
        {
            content: "Good service",
            trigger: ".modal .o_field_widget[name='service'] .o_priority_star:nth-child(4)",
            run: "click",
        },
        {
            content: "The terms",
            trigger: ".modal .o_field_widget[name='payment_term_id'] input",
            run: "edit 30 days after arrival",
        },
        {
            content: "of payment",
            trigger: ".modal .o-autocomplete--dropdown-item:contains('30 days after arrival')",
            run: "click",
        },
        {
            content: "The transport",
            trigger: ".modal .o_field_widget[name='transport'] input",
            run: "edit By road",
        },
        {
            content: "The price",
            trigger: ".modal .o_data_row td[name='price']",
            run: "click",
        },
        {
            content: "is typed",
            trigger: ".modal .o_data_row td[name='price'] input",
            run: "edit 990",
        },
        {
            content: "Save the quote",
            trigger: ".modal .o_form_button_save",
            run: "click",
        },
        {
            content: "It stands beside the others",
            trigger: ".o_field_widget[name='matrix'] th:contains('Gamma')",
        },
        {
            content: "Open the quotes",
            trigger: ".o_notebook a[name='quotes']",
            run: "click",
        },
        {
            content: "Choose the best one",
            trigger: ".o_field_widget[name='quote_ids'] .o_data_row:contains('Gamma') button[name='action_choose']",
            run: "click",
        },
        {
            content: "It is chosen",
            trigger: ".o_field_widget[name='quote_ids'] .o_data_row:contains('Gamma') td[name='is_chosen'] input:checked",
        },
        {
            content: "Submit",
            trigger: ".o_statusbar_buttons button[name='action_submit']",
            run: "click",
        },
        {
            content: "It waits for customer service",
            trigger: ".o_statusbar_status .o_arrow_button_current[data-value='submitted']",
        },
    ],
});
