// A parallel multiplier, signed by signed: the unit that Table I of the SmartDeal paper prices at
// 8 x 8 bits, and that DianNao and a systolic array are made of. Combinational.
module multiplier #(
    parameter A_BITS = 8,
    parameter B_BITS = 8
) (
    input  wire signed [A_BITS-1:0] a,
    input  wire signed [B_BITS-1:0] b,
    output wire signed [A_BITS+B_BITS-1:0] product
);
    assign product = a * b;
endmodule
