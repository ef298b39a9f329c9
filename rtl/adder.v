// An adder of BITS and BITS. Combinational; Table I of the SmartDeal paper prices one of 8 bits.
module adder #(
    parameter BITS = 8
) (
    input  wire [BITS-1:0] a,
    input  wire [BITS-1:0] b,
    output wire [BITS-1:0] sum
);
    assign sum = a + b;
endmodule
