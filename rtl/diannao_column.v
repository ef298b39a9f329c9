// DianNao's column (ASPLOS'14): INPUTS multipliers, an adder tree and an accumulator make one output
// after the other, in three stages as in the paper: products (NFU-1), their sum (NFU-2), the partial
// sum (NFU-3).
module diannao_column #(
    parameter INPUTS = 16,
    parameter LEVELS = 4,  // log2 of INPUTS
    parameter SUM_BITS = 24
) (
    input  wire clk,
    input  wire reset,
    input  wire take,  // a step enters
    input  wire first,  // it is the first of its output, or the last one
    input  wire last,
    input  wire [INPUTS-1:0] lanes,  // that have a channel
    input  wire [INPUTS*9-1:0] activations,  // signed 9 bits, for int8 and uint8 alike
    input  wire [INPUTS*8-1:0] weights,  // signed
    // a finished output, one cycle each
    output reg  valid,
    output reg  signed [SUM_BITS-1:0] result
);
    // NFU-1: the products of a step
    reg [INPUTS*17-1:0] products;
    reg multiplied, first_product, last_product;
    genvar i;
    generate
        for (i = 0; i < INPUTS; i = i + 1) begin : lane
            wire signed [16:0] product;
            multiplier #(9, 8) multiply (
                activations[i*9+:9],
                weights[i*8+:8],
                product
            );
            always @(posedge clk) if (take) products[i*17+:17] <= lanes[i] ? product : 17'd0;
        end
    endgenerate
    always @(posedge clk) begin
        multiplied <= take && !reset;
        first_product <= first;
        last_product <= last;
    end

    // NFU-2: their sum
    wire signed [16+LEVELS:0] total;
    sum_tree #(INPUTS, 17, LEVELS) tree (
        products,
        total
    );
    reg signed [16+LEVELS:0] step_sum;
    reg summed, first_sum, last_sum;
    always @(posedge clk) begin
        summed <= multiplied && !reset;
        first_sum <= first_product;
        last_sum <= last_product;
        if (multiplied) step_sum <= total;
    end

    // NFU-3: the partial sum
    always @(posedge clk) begin
        valid <= summed && last_sum && !reset;
        if (summed) result <= (first_sum ? 0 : result) + step_sum;
    end
endmodule
