import { registry } from "@web/core/registry";
import { stepUtils } from "@web_tour/tour_utils";

const XML = `<?xml version="1.0" encoding="utf-8"?>
<EInvoice><Header><EIid>26332000000012345678</EIid></Header><EInvoiceData>
<SellerInformation><SellerIdNum>91330109MA2AYBC366</SellerIdNum><SellerName>杭州服务</SellerName></SellerInformation>
<BuyerInformation><BuyerIdNum>91350800MA2XNB3K2H</BuyerIdNum></BuyerInformation>
<BasicInformation><TotalAmWithoutTax>100.00</TotalAmWithoutTax><TotalTaxAm>13.00</TotalTaxAm>
<TotalTax-includedAmount>113.00</TotalTax-includedAmount></BasicInformation></EInvoiceData>
<TaxSupervisionInfo><InvoiceNumber>26332000000012345678</InvoiceNumber><IssueTime>2026-11-20</IssueTime></TaxSupervisionInfo>
</EInvoice>`;

registry.category("web_tour.tours").add("aftersales_parts_fapiao", {
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
            content: "Open the import",
            trigger: "[data-menu-xmlid='aftersales_parts.menu_fapiao_import']",
            run: "click",
        },
        {
            content: "Drop two files",
            trigger: ".o_aftersales_file_drop",
            run() {
                const dataTransfer = new DataTransfer();
                dataTransfer.items.add(new File([XML], "fapiao.xml", { type: "text/xml" }));
                dataTransfer.items.add(new File(["<x"], "broken.xml", { type: "text/xml" }));
                this.anchor.dispatchEvent(
                    new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true })
                );
            },
        },
        {
            content: "Both are there",
            trigger: ".o_aftersales_file_drop:contains('broken.xml')",
        },
        {
            content: "Read them",
            trigger: "button[name='action_read']",
            run: "click",
        },
        {
            content: "Both are done",
            trigger: ".o_aftersales_finished .o_aftersales_show",
            run: "click",
        },
        {
            content: "Look at what wasn't read",
            trigger: ".o_notebook .nav-link[name='trouble']",
            run: "click",
        },
        {
            content: "The bad one says why",
            trigger: ".o_data_row:contains('broken.xml') .text-bg-danger",
        },
        {
            content: "Look at the good one",
            trigger: ".o_notebook .nav-link[name='read']",
            run: "click",
        },
        {
            content: "Open it",
            trigger: ".o_data_row:contains('26332000000012345678') button[name='action_open']",
            run: "click",
        },
        {
            content: "Its figures are there",
            trigger: ".o_field_widget[name='amount_total']:contains('113.00')",
        },
        {
            content: "and its checks",
            trigger: ".o_notebook .nav-link[name='checks']",
            run: "click",
        },
        {
            content: "each with what was found",
            trigger: ".o_field_widget[name='check_ids'] .o_data_row .text-bg-success",
        },
    ],
});
