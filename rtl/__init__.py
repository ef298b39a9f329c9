"""SmartDeal's datapath and others in Verilog, and what synthesis says of them."""
