// The sum of LEAVES signed numbers, LEAVES a power of two; a level adds pairs. Combinational.
module sum_tree #(
    parameter LEAVES = 16,
    parameter BITS = 16,
    parameter LEVELS = 4  // log2 of LEAVES
) (
    input  wire [LEAVES*BITS-1:0] leaves,
    output wire signed [BITS+LEVELS-1:0] sum
);
    // A heap: node n has the children 2 n and 2 n + 1, the leaves are nodes LEAVES to 2 LEAVES - 1.
    wire signed [BITS+LEVELS-1:0] node[1:2*LEAVES-1];
    genvar n;
    generate
        for (n = 0; n < LEAVES; n = n + 1) begin : leaf
            wire signed [BITS-1:0] value = leaves[n*BITS+:BITS];
            assign node[LEAVES+n] = value;
        end
        for (n = 1; n < LEAVES; n = n + 1) begin : pair
            assign node[n] = node[2*n] + node[2*n+1];
        end
    endgenerate
    assign sum = node[1];
endmodule
