"""Who is there and what was sold before the journey begins."""

from __future__ import annotations

from datetime import timedelta

from app.access.actor import SYSTEM
from app.access.users import create_user
from app.records import create
from app.records.tenant import Tenant
from tests.pack.naming import Named

PASSWORD = "a-long-enough-password"
CUSTOMER = "lin@example.com"
ORDER_NO = "WEB-7001"
OPENING = 50

STAFF: dict[str, tuple[str, str, str]] = {
    "zhou": ("周敏", "returns_admin", "zh"),
    "lead": ("陈主管", "cs_lead", "zh"),
    "grace": ("Grace Zhao", "finance", "en"),
    "qiang": ("李强", "warehouse", "zh"),
    "quinn": ("Quinn Li", "quality", "en"),
}
"""Sign-in: name, role, language."""

GOODS: dict[str, tuple[str, int, str, str]] = {
    "LAMP": ("台灯 Desk lamp", 3, "199.90", "10.01"),
    "PILLOW": ("记忆枕 Memory pillow", 1, "129.00", "0"),
    "FLASK": ("保温杯 Flask", 3, "45.50", "0"),
}
"""SKU: name, how many were sold, at which price, with which discount."""


def fill(tenant: Tenant, named: Named) -> None:
    """People, products on stock, and an order that arrived three days ago."""
    for login, (name, role, lang) in STAFF.items():
        create_user(
            tenant.db, login, name, PASSWORD,
            email=f"{login}@shop.example", roles=[named.name(role)], lang=lang,
        )  # fmt: skip

    def add(form: str, **values: object) -> int:
        return create(tenant, SYSTEM, named.name(form), named.values(values)).id

    products = {
        sku: add("product", sku=sku, name=name, kind=named.name("goods"), price=price)
        for sku, (name, _, price, _) in GOODS.items()
    }
    add("stock_location", code="R-01", name="退货专区", kind=named.name("quarantine"))
    opening = [{"product": one, "quantity": OPENING} for one in products.values()]
    add("stock_move", kind=named.name("opening"), reference="OPEN-1", lines=opening)
    customer = add("customer", customer_no="C-1", name="林晓", email=CUSTOMER)
    add("customer", customer_no="C-2", name="何宇", email="he@example.com")
    today = tenant.now().date()
    lines = [
        {"line_no": n, "product": products[sku], "quantity": sold, "unit_price": price,
         "discount": discount}
        for n, (sku, (_, sold, price, discount)) in enumerate(GOODS.items(), 1)
    ]  # fmt: skip
    add(
        "order",
        order_no=ORDER_NO,
        customer=customer,
        placed_at=(tenant.now() - timedelta(days=9)).isoformat(timespec="seconds"),
        shipped_on=(today - timedelta(days=7)).isoformat(),
        delivered_on=(today - timedelta(days=3)).isoformat(),
        currency="CNY",
        lines=lines,
    )
